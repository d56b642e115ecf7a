#!/bin/bash
# Runs in the test guest: says on ttyS1 what the tests want to know, then powers off.
# fw_cfg is not needed: what to wait for follows from what a conversion left behind.
exec >/dev/ttyS1 2>&1
state=$(timeout 400 systemctl is-system-running --wait)
wait_for_first_boot() {
  for _ in $(seq 700); do
    systemctl is-active -q v2v-firstboot.service || return 0
    sleep 2
  done
  echo "V2V-REPORT firstboot=stuck"
}
had_first_boot=no; [ -e /etc/systemd/system/v2v-firstboot.service ] || [ -e /var/log/v2v-firstboot.log ] && had_first_boot=yes
wait_for_first_boot
for _ in $(seq 30); do ip -4 -o addr show ens192 2>/dev/null | grep -q inet && break; sleep 1; done
sleep 2
echo
echo "V2V-REPORT begin"
echo "V2V-REPORT state=$state"
echo "V2V-REPORT state-after=$(systemctl is-system-running)"
echo "V2V-REPORT failed=$(systemctl list-units --failed --plain --no-legend | awk '{print $1}' | tr '\n' ' ')"
echo "V2V-REPORT root=$(findmnt -no SOURCE /)"
echo "V2V-REPORT root-type=$(findmnt -no FSTYPE /)"
echo "V2V-REPORT root-options=$(findmnt -no OPTIONS /)"
for n in boot home; do mountpoint -q /$n && echo "V2V-REPORT $n=$(findmnt -no SOURCE /$n)"; done
command -v pvs >/dev/null && echo "V2V-REPORT physical-volumes=$(pvs --noheadings -o pv_name | xargs)"
echo "V2V-REPORT arrays=$(sed -n 's/.*\[\([0-9]*\/[0-9]*\)\] \[.*/\1/p' /proc/mdstat 2>/dev/null | xargs)"
echo "V2V-REPORT swap=$(swapon --noheadings --show=NAME | tr '\n' ' ')"
for n in /sys/class/net/*; do
  d=$(basename "$n"); [ "$d" = lo ] && continue
  echo "V2V-REPORT nic=$d mac=$(cat "$n/address") driver=$(basename "$(readlink -f "$n/device/driver")") addr=$(ip -4 -o addr show "$d" | awk '{print $4}' | tr '\n' ' ')"
done
echo "V2V-REPORT firstboot-ran=$had_first_boot"
echo "V2V-REPORT firstboot-unit=$(systemctl list-unit-files --no-legend 'v2v-firstboot*' | wc -l)"
echo "V2V-REPORT firstboot-files=$(ls -d /usr/lib/v2v* /etc/systemd/system/v2v-firstboot* /etc/systemd/system/*/v2v-firstboot* 2>/dev/null | tr '\n' ' ')"
echo "V2V-REPORT open-vm-tools=$(dpkg-query -W -f='${db:Status-Abbrev}' open-vm-tools 2>/dev/null || echo none)"
echo "V2V-REPORT qemu-guest-agent=$(dpkg-query -W -f='${db:Status-Abbrev}' qemu-guest-agent 2>/dev/null || echo none)"
# Under software emulation the slow questions are asked only where a test wants the answer.
if [ $had_first_boot = yes ] && command -v lsinitramfs >/dev/null; then
  echo "V2V-REPORT initramfs-virtio=$(lsinitramfs "/boot/initrd.img-$(uname -r)" 2>/dev/null | grep -cE 'virtio_(blk|scsi|pci)\.ko')"
fi
echo "V2V-REPORT kernel=$(uname -r)"
echo "V2V-REPORT guest-agent=$(systemctl is-active qemu-guest-agent.service)"
# What the next update-grub makes of the configuration must be what the loader uses now.
menu() { sed -nE 's/^[ \t]*(linux[ \t]+[^ ]+ .*|set default=.*|menuentry .*|submenu .*)$/\1/p' "$1"; }
if [ ! -e /etc/v2v-check-grub ]; then
  :
elif grub-mkconfig -o /run/grub.next >/run/grub.log 2>&1; then
  if diff <(menu /boot/grub/grub.cfg) <(menu /run/grub.next) >/run/grub.diff; then echo "V2V-REPORT update-grub=same"; else echo "V2V-REPORT update-grub=differs"; sed 's/^/V2V-GRUB /' /run/grub.diff; fi
  grep -o 'root=[^ ]* \|resume=[^ ]*' /run/grub.next | sort -u | sed 's/^/V2V-GRUB /'
else
  sed 's/^/V2V-GRUB /' /run/grub.log
fi
[ -e /var/log/v2v-firstboot.log ] && sed 's/^/V2V-LOG /' /var/log/v2v-firstboot.log
[ "$state" = running ] || journalctl -b -p warning --no-pager | tail -40 | sed 's/^/V2V-JOURNAL /'
echo "V2V-REPORT end"
sync
[ -e /etc/v2v-no-poweroff ] || systemctl poweroff
